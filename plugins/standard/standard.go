// Package standard registers every optimizer of this module. Import it for its side effect.
package standard

import (
	_ "github.com/seed5b471a7e/backstitch/plugins/adamw"
	_ "github.com/seed5b471a7e/backstitch/plugins/sgd"
)
