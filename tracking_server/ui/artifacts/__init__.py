"""The files of a run or of a logged model: their tree, and each kind of file shown as what it is."""
