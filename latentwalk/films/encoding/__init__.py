"""Writing and reading media files: video, animated images and sound."""
