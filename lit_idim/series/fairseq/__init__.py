"""What a fairseq v1 checkpoint holds, read without running anything in it."""
