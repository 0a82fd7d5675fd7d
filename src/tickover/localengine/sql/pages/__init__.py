"""The statements of the engine's pages, one file each."""
