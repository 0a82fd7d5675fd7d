"""The dashboard: one page answers whether every tick's work is done, by whom, and if not, why; and acts."""
