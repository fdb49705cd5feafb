"""Where text comes from: each module turns one kind of input into `RAW` rows and those into documents."""
