"""Rating studies: who rates what, what they said, how far they agree, and what it comes to."""
