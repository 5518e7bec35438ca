package cli

import (
	"math"
	"strings"
	"testing"
)

func TestFormats(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{number(0.00012345678), "0.0001235"},
		{number(math.NaN()), "-"},
		{count(0), "0"},
		{count(999), "999"},
		{count(45150), "45,150"},
		{count(-1234567), "-1,234,567"},
		{several(1, "seed"), "1 seed"},
		{several(1000, "seed"), "1,000 seeds"},
		{size(0), "0 B"},
		{size(1023), "1023 B"},
		{size(1 << 20), "1 MiB"},
		{size(1<<20 - 1), "1024 KiB"},
		{size(math.MaxInt64), "8.389e+06 TiB"},
		{about(0.4), "0 s"},
		{about(99), "99 s"},
		{about(600), "10 min"},
		{about(36000), "10 h"},
		{about(1e6), "11 days"},
		{about(math.Inf(1)), "2,147,483,647 days"},
		{printable(`C:\x "größe" 大`), `C:\x "größe" 大`},
		{printable("\"a\x1b[31mb\"\n"), `"a\x1b[31mb"\n`},
		{printable("\xff"), `\xff`},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}

func TestTablesAlignNumbersToTheRightAndTextToTheLeft(t *testing.T) {
	var b strings.Builder
	table := newTable(&b, "name", "steps", "note")
	table.row("größe", "1,200", "")
	table.row("大小", "-", "wide\tletters")
	table.row("x", "0.5", "")
	if err := table.flush(); err != nil {
		t.Fatal(err)
	}
	want := `name   steps  note
größe  1,200
大小       -  wide\tletters
x        0.5
`
	if b.String() != want {
		t.Errorf("\n%s\nwant\n%s", b.String(), want)
	}
}
