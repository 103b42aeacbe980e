"""The second screen: every network, the Elo curve with errors, the selected one's verdict."""
