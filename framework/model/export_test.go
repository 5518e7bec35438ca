package model

// Unforeseen begins the error for a panic while a node is imported.
const Unforeseen = unforeseen

// IsConstant reports whether the outputs of an operator are locally constant.
func IsConstant(operator string) bool { return operators[operator].flat }
