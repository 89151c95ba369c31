"""What accounts are called and have set, and what the installation is started with."""
