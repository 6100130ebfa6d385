"""An interpreter for pickles that builds passive records and never imports or calls anything."""
