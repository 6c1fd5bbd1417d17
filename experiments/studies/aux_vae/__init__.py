"""Where an auxiliary task puts local and global information: the swap table."""
