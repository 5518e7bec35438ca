package plugin

import "reflect"

// Clone returns a plugin with the same options, which can be set without changing the original's.
func Clone[T any](p T) T {
	v := reflect.ValueOf(p)
	if v.Kind() != reflect.Pointer {
		return p
	}
	c := reflect.New(v.Type().Elem())
	c.Elem().Set(v.Elem())
	return c.Interface().(T)
}
