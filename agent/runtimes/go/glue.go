package inner

// MillraceMain hands main to the program around it.
func MillraceMain() any { return main }
