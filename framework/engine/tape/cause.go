package tape

import "github.com/seed5b471a7e/backstitch/framework/ops"

// cause returns why a kernel failed, without where Gorgonia says it is on the tape: its error has an Err and no Unwrap.
func cause(err error) error {
	if outer, is := err.(interface{ Err() error }); is {
		err = outer.Err()
	}
	return ops.Plain(err)
}
