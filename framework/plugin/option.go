package plugin

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Option is one field of a plugin's struct that a recipe may set. A field becomes an option by a toml tag; its other tags say
// the rest:
//
//	LR float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
//	Sampling string `toml:"sampling" doc:"order of the examples" oneof:"iid shuffle cycle"`
//
// A field is a bool, int, uint64, float64, string, or a list of one of these, or of such lists. A range is an interval in the usual
// notation, with inf for no bound, and holds for every element of a list. A string that is a path has the tag path:"true".
type Option struct {
	Name    string
	Doc     string
	Default any    // the value in the struct that was described
	Range   string // as tagged, or ""
	OneOf   []string
	IsPath  bool // a path, or a list of them: relative ones in a recipe are relative to the recipe

	field reflect.Value
	path  string
}

// Options describes the fields of the struct that v points to, in their order. Fields of embedded structs count as its own.
func Options(v any) []Option {
	s := reflect.ValueOf(v)
	if s.Kind() != reflect.Pointer || s.Elem().Kind() != reflect.Struct {
		return nil
	}
	return options(s.Elem())
}

func options(s reflect.Value) []Option {
	var list []Option
	for i := range s.NumField() {
		f := s.Type().Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			list = append(list, options(s.Field(i))...)
			continue
		}
		name, tagged := f.Tag.Lookup("toml")
		if !tagged || !f.IsExported() {
			continue
		}
		list = append(list, Option{
			Name:    name,
			Doc:     f.Tag.Get("doc"),
			Default: s.Field(i).Interface(),
			Range:   f.Tag.Get("range"),
			OneOf:   strings.Fields(f.Tag.Get("oneof")),
			IsPath:  f.Tag.Get("path") == "true",
			field:   s.Field(i),
			path:    s.Type().String() + "." + f.Name,
		})
	}
	return list
}

// Type names the option's type as a recipe's author would: "number", "integer", "string", "boolean", or "list of …".
func (o Option) Type() string { return typeName(o.field.Type()) }

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Uint64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.String:
		return "string"
	case reflect.Slice:
		element := typeName(t.Elem()) + "s"
		if rest, isList := strings.CutPrefix(typeName(t.Elem()), "list "); isList {
			element = "lists " + rest
		}
		return "list of " + element
	}
	panic(fmt.Sprintf("plugin: an option cannot be a %s", t))
}

// Set checks a decoded TOML value (bool, int64, float64, string, []any) and stores it in the struct that was described. The
// error says what is wrong with the value, not where it stands; a value that is refused is not stored, not even in part.
func (o Option) Set(value any) error {
	checked := reflect.New(o.field.Type()).Elem()
	if err := o.set(checked, value); err != nil {
		return err
	}
	o.field.Set(checked)
	return nil
}

func (o Option) set(field reflect.Value, value any) error {
	wrong := fmt.Errorf("%s must be %s, not %s", o.Name, article(o.Type()), describe(value))
	switch field.Kind() {
	case reflect.Bool:
		v, ok := value.(bool)
		if !ok {
			return wrong
		}
		field.SetBool(v)
	case reflect.Int, reflect.Uint64:
		v, ok := value.(int64)
		if !ok {
			return wrong
		}
		if field.Kind() == reflect.Uint64 {
			if v < 0 {
				return fmt.Errorf("%s = %d is out of range [0,inf)", o.Name, v)
			}
			field.SetUint(uint64(v))
		} else {
			field.SetInt(v)
		}
		return o.inRange(float64(v), fmt.Sprint(v))
	case reflect.Float64:
		v, ok := value.(float64)
		if i, isInt := value.(int64); isInt {
			v, ok = float64(i), true
		}
		if !ok {
			return wrong
		}
		field.SetFloat(v)
		return o.inRange(v, fmt.Sprint(v))
	case reflect.String:
		v, ok := value.(string)
		if !ok {
			return wrong
		}
		field.SetString(v)
		return o.among(v)
	case reflect.Slice:
		v, ok := value.([]any)
		if !ok {
			return wrong
		}
		list := reflect.MakeSlice(field.Type(), len(v), len(v))
		for i, e := range v {
			if err := o.set(list.Index(i), e); err != nil {
				return err
			}
		}
		field.Set(list)
	default:
		panic(fmt.Sprintf("plugin: option %s has a type that a recipe cannot set", o.path))
	}
	return nil
}

func (o Option) among(v string) error {
	if len(o.OneOf) == 0 {
		return nil
	}
	for _, choice := range o.OneOf {
		if v == choice {
			return nil
		}
	}
	hint := fmt.Sprintf("one of %s", strings.Join(o.OneOf, ", "))
	if s := Suggest(v, o.OneOf); s != "" {
		hint = fmt.Sprintf("did you mean %q?", s)
	}
	return fmt.Errorf("%s = %q is not known (%s)", o.Name, v, hint)
}

func (o Option) inRange(v float64, text string) error {
	if o.Range == "" {
		return nil
	}
	low, high, openLow, openHigh := parseInterval(o.path, o.Range)
	if v < low || v > high || (openLow && v == low) || (openHigh && v == high) || math.IsNaN(v) {
		return fmt.Errorf("%s = %s is out of range %s", o.Name, text, o.Range)
	}
	return nil
}

// parseInterval reads "[0,1)". A tag that cannot be read is a programmer's error.
func parseInterval(path, s string) (low, high float64, openLow, openHigh bool) {
	bad := func() { panic(fmt.Sprintf("plugin: %s has the range %q, which is not an interval", path, s)) }
	if len(s) < 2 || !strings.ContainsRune("[(", rune(s[0])) || !strings.ContainsRune("])", rune(s[len(s)-1])) {
		bad()
	}
	a, b, ok := strings.Cut(s[1:len(s)-1], ",")
	low, err1 := strconv.ParseFloat(strings.TrimSpace(a), 64)
	high, err2 := strconv.ParseFloat(strings.TrimSpace(b), 64)
	if !ok || err1 != nil || err2 != nil {
		bad()
	}
	return low, high, s[0] == '(', s[len(s)-1] == ')'
}

func describe(v any) string {
	switch v := v.(type) {
	case bool:
		return "a boolean"
	case int64:
		return fmt.Sprintf("the integer %d", v)
	case float64:
		return fmt.Sprintf("the number %v", v)
	case string:
		return fmt.Sprintf("the string %q", v)
	case []any:
		return "a list"
	case map[string]any, []map[string]any:
		return "a table"
	}
	return fmt.Sprintf("%v", v)
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
