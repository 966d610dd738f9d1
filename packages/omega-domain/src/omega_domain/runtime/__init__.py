"""What users hold to have something done by name: models, scripts, canvases."""
