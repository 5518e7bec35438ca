// Package plugintest holds what the conformance suites of all kinds of plugins check.
package plugintest

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// NewValues returns an error unless a and b, which one constructor returned, are values of their own.
func NewValues(a, b any) error {
	v, w := reflect.ValueOf(a), reflect.ValueOf(b)
	switch {
	case a == nil:
		return errors.New("the constructor returns nil")
	case v.Kind() == reflect.Struct && v.NumField() > 0:
		return fmt.Errorf("the constructor returns a %T, not a pointer to it: a recipe could not set its options", a)
	case v.Kind() == reflect.Pointer && v.Type().Elem().Size() > 0 && v.Pointer() == w.Pointer():
		return fmt.Errorf("the constructor returns the same %T twice: recipes that set its options would change each other", a)
	}
	return nil
}

// Options returns an error unless a plugin's options are documented, and have names of their own and defaults that a recipe could give.
func Options(v any) error {
	seen := map[string]bool{}
	for _, o := range plugin.Options(v) {
		switch {
		case o.Doc == "":
			return fmt.Errorf("option %s has no doc tag: listings could not say what it does", o.Name)
		case seen[o.Name]:
			return fmt.Errorf("two options are named %s", o.Name)
		}
		seen[o.Name] = true
		if err := o.Set(decoded(reflect.ValueOf(o.Default))); err != nil {
			return fmt.Errorf("the default is refused: %w", err)
		}
	}
	return nil
}

// decoded returns an option's value as a recipe's decoder would hand it over.
func decoded(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Int:
		return v.Int()
	case reflect.Uint64:
		return int64(v.Uint())
	case reflect.Slice:
		list := []any{}
		for i := range v.Len() {
			list = append(list, decoded(v.Index(i)))
		}
		return list
	}
	return v.Interface()
}
