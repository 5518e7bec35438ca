package report

import (
	"math"
	"testing"
	"time"
)

func TestNumbersAreWrittenForReading(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{number(0.123456), "0.1235"},
		{number(0.3), "0.3000"},
		{number(2.302585), "2.303"},
		{number(-98.76543), "-98.77"},
		{number(1234.4), "1234"},
		{number(12345.6), "12,346"},
		{number(0.00012346), "0.0001235"},
		{number(0.000012345), "1.234e-05"},
		{number(1.5e7), "1.500e+07"},
		{number(0), "0"},
		{number(math.NaN()), "–"},
		{number(math.Inf(1)), "–"},
		{count(7), "7"},
		{count(999), "999"},
		{count(1000), "1,000"},
		{count(2001000), "2,001,000"},
		{count(-123), "-123"},
		{count(-1234), "-1,234"},
		{percent(0.4567), "45.7 %"},
		{percent(math.NaN()), "–"},
		{duration(0.0125), "13ms"},
		{duration(3725.4), "1h2m5s"},
		{duration(math.NaN()), "–"},
		{moment(time.Time{}), "–"},
		{words("train_loss"), "training loss"},
		{words("test_accuracy"), "test accuracy"},
		{sentence("ökonomie"), "Ökonomie"},
		{printable("a\x00b\u202ec"), "a\ufffdb\ufffdc"},
	} {
		if tc.got != tc.want {
			t.Errorf("%q, want %q", tc.got, tc.want)
		}
	}
}
