"""What can be asked of Latentwalk, once each; called by HTTP routes and by the command alike."""
