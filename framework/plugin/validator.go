package plugin

// Validator is implemented by plugins whose options must fit together, beyond the type and the range of each.
type Validator interface {
	// Validate returns an error that says which options do not fit. It is called once when all of them are set.
	Validate() error
}
