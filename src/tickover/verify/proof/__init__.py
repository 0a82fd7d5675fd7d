"""Proves a live deployment right, or says where it is wrong: `tickover verify`."""
