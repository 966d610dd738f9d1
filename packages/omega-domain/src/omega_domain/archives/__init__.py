"""Archives: objects with their payloads in one signed file, and backups of whole contexts in a folder."""
