package cli

import "testing"

func TestSizesAreReadWithTheirUnit(t *testing.T) {
	for text, want := range map[string]int64{"1B": 1, "2KiB": 2048, "1.5MiB": 3 << 19, "8GiB": 8 << 30, "8 GiB": 8 << 30, "1TiB": 1 << 40} {
		var b byteSize
		if err := b.Set(text); err != nil || int64(b) != want {
			t.Errorf("%s: %d, %v; want %d", text, b, err, want)
		}
	}
	for _, text := range []string{"", "8", "GiB", "-1GiB", "0B", "0.5B", "8xGiB", "nanB", "infB", "1e9TiB", "8GB"} {
		var b byteSize
		if b.Set(text) == nil {
			t.Errorf("%q is read as %d bytes", text, b)
		}
	}
}
