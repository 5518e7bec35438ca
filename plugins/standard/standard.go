// Package standard registers every optimizer of this module. Import it for its side effect.
package standard

import (
	_ "github.com/seed5b471a7e/backstitch/plugins/adadelta"
	_ "github.com/seed5b471a7e/backstitch/plugins/adagrad"
	_ "github.com/seed5b471a7e/backstitch/plugins/adahessian"
	_ "github.com/seed5b471a7e/backstitch/plugins/adam"
	_ "github.com/seed5b471a7e/backstitch/plugins/adamax"
	_ "github.com/seed5b471a7e/backstitch/plugins/adamw"
	_ "github.com/seed5b471a7e/backstitch/plugins/adan"
	_ "github.com/seed5b471a7e/backstitch/plugins/extragradient"
	_ "github.com/seed5b471a7e/backstitch/plugins/lamb"
	_ "github.com/seed5b471a7e/backstitch/plugins/lars"
	_ "github.com/seed5b471a7e/backstitch/plugins/lion"
	_ "github.com/seed5b471a7e/backstitch/plugins/muon"
	_ "github.com/seed5b471a7e/backstitch/plugins/nadam"
	_ "github.com/seed5b471a7e/backstitch/plugins/radam"
	_ "github.com/seed5b471a7e/backstitch/plugins/rmsprop"
	_ "github.com/seed5b471a7e/backstitch/plugins/sam"
	_ "github.com/seed5b471a7e/backstitch/plugins/schedulefree_adamw"
	_ "github.com/seed5b471a7e/backstitch/plugins/schedulefree_sgd"
	_ "github.com/seed5b471a7e/backstitch/plugins/sgd"
	_ "github.com/seed5b471a7e/backstitch/plugins/signsgd"
	_ "github.com/seed5b471a7e/backstitch/plugins/sophia"
)
