"""Files: uploading them, and finding their bytes."""
