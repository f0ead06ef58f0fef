package wire

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// EncodeValue returns the canonical encoding of v: nil, a bool, a string, any integer or float, a json.Number, or a map with string keys or a
// slice of these. Strings are brought to normalisation form C. Floats are rounded to 15 digits, which is what a float64 holds for
// certain; integers and json.Numbers of more are refused with CodeInvalid. The result nests at most MaxValueDepth deep.
func EncodeValue(v any) (syncengine.Value, error) {
	var short [256]byte
	out, err := appendAny(short[:0], v, 0)
	if err != nil {
		return "", err
	}
	return syncengine.Value(out), nil
}

// StringValue returns the canonical encoding of a string; bytes that are no UTF-8 become U+FFFD.
func StringValue(s string) syncengine.Value {
	return syncengine.Value(AppendString(make([]byte, 0, len(s)+2), normal(s)))
}

func appendAny(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case string:
		return appendText(dst, v)
	case json.Number:
		return appendNumber(dst, v)
	case float64:
		return appendFloat(dst, v)
	case int:
		return appendInteger(dst, int64(v))
	case int64:
		return appendInteger(dst, v)
	case map[string]any:
		return appendMap(dst, v, depth+1)
	case []any:
		return appendList(dst, len(v), func(i int) any { return v[i] }, depth+1)
	default:
		return appendReflected(dst, reflect.ValueOf(v), depth)
	}
}

// appendReflected encodes the less usual types that EncodeValue takes.
func appendReflected(dst []byte, v reflect.Value, depth int) ([]byte, error) {
	switch v.Kind() {
	case reflect.Bool:
		return strconv.AppendBool(dst, v.Bool()), nil
	case reflect.String:
		return appendText(dst, v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInteger(dst, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return appendInteger(dst, int64(min(v.Uint(), math.MaxInt64))) //nolint:gosec // bounded by min
	case reflect.Float32, reflect.Float64:
		return appendFloat(dst, v.Float())
	case reflect.Slice, reflect.Array:
		return appendList(dst, v.Len(), func(i int) any { return v.Index(i).Interface() }, depth+1)
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String {
			plain := make(map[string]any, v.Len())
			for _, key := range v.MapKeys() {
				plain[key.String()] = v.MapIndex(key).Interface()
			}
			return appendMap(dst, plain, depth+1)
		}
	}
	return nil, Problemf(CodeInvalid, "a %s can't be a value", v.Type())
}

func appendText(dst []byte, s string) ([]byte, error) {
	if s = normal(s); len(s) > MaxStringBytes {
		return nil, Problemf(CodeTooLarge, "a string of %d bytes is over the limit of %d", len(s), MaxStringBytes)
	}
	return AppendString(dst, s), nil
}

func appendInteger(dst []byte, n int64) ([]byte, error) {
	if n > MaxInteger || n < -MaxInteger {
		return nil, Problemf(CodeInvalid, "the number %d has more than 15 digits; round it", n)
	}
	return AppendInt(dst, n), nil
}

// appendNumber takes the text of a JSON number.
func appendNumber(dst []byte, n json.Number) ([]byte, error) {
	s := looseScanner{scanner{text: string(n)}}
	out := s.number()
	if err := s.finish(); err != nil {
		return nil, err
	}
	return append(dst, out...), nil
}

func appendFloat(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.Abs(f) > MaxInteger {
		return nil, Problemf(CodeInvalid, "%g is not a number of 15 digits", f)
	}
	decimals := maxDigits
	if whole := math.Trunc(math.Abs(f)); whole >= 1 {
		decimals -= len(strconv.FormatFloat(whole, 'f', 0, 64))
	}
	text := strconv.FormatFloat(f, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return appendNumber(dst, json.Number(text))
}

func appendList(dst []byte, n int, at func(int) any, depth int) ([]byte, error) {
	if depth > MaxValueDepth {
		return nil, errValueDepth()
	}
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendAny(dst, at(i), depth); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendMap(dst []byte, m map[string]any, depth int) ([]byte, error) {
	if depth > MaxValueDepth {
		return nil, errValueDepth()
	}
	names := make(map[string]string, len(m)) // normal form to the key itself
	keys := make([]string, 0, len(m))
	for name := range m {
		key := normal(name)
		if _, twice := names[key]; twice {
			return nil, Problemf(CodeInvalid, "the key %q is there twice", key)
		}
		names[key] = name
		keys = append(keys, key)
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, key := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendText(dst, key); err != nil {
			return nil, err
		}
		if dst, err = appendAny(append(dst, ':'), m[names[key]], depth); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func errValueDepth() error {
	return Problemf(CodeTooDeep, "a value is nested deeper than %d", MaxValueDepth)
}

// DecodeValue returns what a canonical value says: nil, a bool, a string, a json.Number, a []any or a map[string]any. It accepts no
// other encoding than the canonical one.
func DecodeValue(v syncengine.Value) (any, error) {
	s := scanner{text: string(v), limit: MaxDepth}
	out := s.decoded()
	if err := s.finish(); err != nil {
		return nil, err
	}
	return out, nil
}

// canonicalValue names bytes that are known to be canonical as a Value.
func canonicalValue(data []byte) syncengine.Value { return syncengine.Value(data) }

// decoded takes any value.
func (s *scanner) decoded() any {
	switch c := s.peek(); {
	case c == '"':
		return s.str()
	case c == '{':
		out := map[string]any{}
		e := s.entries()
		for key, ok := e.next(); ok; key, ok = e.next() {
			out[key] = s.decoded()
		}
		return out
	case c == '[':
		out := []any{}
		for e := s.elements(); e.next(); {
			out = append(out, s.decoded())
		}
		return out
	case c == '-' || c >= '0' && c <= '9':
		return json.Number(s.number())
	case c == 't' || c == 'f':
		s.skip()
		return c == 't'
	default:
		s.skip()
		return nil
	}
}
