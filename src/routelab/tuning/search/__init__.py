"""The randomised search: trials, what draws them, where they are kept, who shares them."""
