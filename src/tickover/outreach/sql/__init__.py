"""The reference application's statements: one file each, named by its verb."""
