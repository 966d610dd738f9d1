"""Files and folders as payloads, read and written without leaving their folder."""
