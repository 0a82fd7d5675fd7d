"""The statements of the pytest plugin, one file each."""
