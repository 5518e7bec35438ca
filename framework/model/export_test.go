package model

// Unforeseen begins the error for a panic while a node is imported.
const Unforeseen = unforeseen
