"""What is said to people: numbers in words, small tables, likely names, how to install."""
