//go:build ignore

// Pack writes digits.gz from scikit-learn's copy of the data:
//
//	go run pack.go .../sklearn/datasets/data/digits.csv.gz
//
// The source has an image per line: 64 pixels from 0 to 16 and the class, as decimal numbers. The result is the same numbers, a
// byte each, compressed by gzip.
package main

import (
	"compress/gzip"
	"encoding/csv"
	"log"
	"os"
	"strconv"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run pack.go digits.csv.gz")
	}
	in, err := os.Open(os.Args[1])
	check(err)
	text, err := gzip.NewReader(in)
	check(err)
	lines := csv.NewReader(text)
	lines.FieldsPerRecord = 65
	images, err := lines.ReadAll()
	check(err)

	out, err := os.Create("digits.gz")
	check(err)
	packed, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	check(err)
	for _, image := range images {
		for _, number := range image {
			v, err := strconv.ParseUint(number, 10, 8)
			check(err)
			_, err = packed.Write([]byte{byte(v)})
			check(err)
		}
	}
	check(packed.Close())
	check(out.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
