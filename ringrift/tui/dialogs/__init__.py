"""What lies over a screen for a moment: confirmation, menu of actions, description."""
