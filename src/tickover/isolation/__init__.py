"""Which environment is this, and may it touch what it is connected to? The right environment, or no effect."""
