"""S3, and what speaks its protocol: files to index, and artifacts."""
