"""What is read from a message: its text, whose words they are, what they mean. Pure."""
