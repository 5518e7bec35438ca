package dataset

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/sbinet/npyio/npy"
	"github.com/seed5b471a7e/backstitch/framework/array"
)

// NPYArray is an array of NumPy's file format, in row-major order. Elements that float32 holds exactly are kept in it, others in
// float64.
type NPYArray struct {
	Shape    []int
	Data     array.Array
	Integers bool // the file holds integers or booleans
}

// ReadNPZ reads the arrays of an .npz file that have these names, or all of them if none are given.
func ReadNPZ(path string, names ...string) (map[string]NPYArray, error) {
	f, err := openNPZ(path, names...)
	if err != nil {
		return nil, err
	}
	defer f.close()
	arrays := map[string]NPYArray{}
	for _, name := range f.names {
		if arrays[name], err = f.read(context.Background(), name); err != nil {
			return nil, err
		}
	}
	return arrays, nil
}

// npzArchive is an open archive, of which the headers of the wanted arrays were read: they fit their entries, and memory.
type npzArchive struct {
	path  string
	file  io.Closer
	names []string
	array map[string]npyEntry
}

// openNPZ opens an archive for arrays of these names, or for all.
func openNPZ(path string, names ...string) (*npzArchive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	n, err := readHeaders(f, info.Size(), names)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	n.path, n.file = path, f
	return n, nil
}

func (f *npzArchive) close() { f.file.Close() }

func readHeaders(r io.ReaderAt, length int64, names []string) (*npzArchive, error) {
	z, err := zip.NewReader(r, length)
	if err != nil {
		return nil, fmt.Errorf("not an .npz file: %w", err)
	}
	files := map[string]*zip.File{}
	for _, f := range z.File {
		files[strings.TrimSuffix(f.Name, ".npy")] = f
	}
	held := slices.Sorted(maps.Keys(files))
	if len(names) == 0 {
		names = held
	}
	n := &npzArchive{names: names, array: map[string]npyEntry{}}
	total := int64(0)
	for _, name := range names {
		f, found := files[name]
		if !found {
			return nil, fmt.Errorf("it holds no array %q, but %s: write it with numpy.savez(file, %s=…)", name, quoted(held), strings.Join(names, "=…, "))
		}
		e, err := readEntryHeader(f, length)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		n.array[name] = e
		total += e.bytes()
		if err := affordable("what it holds", total, 1); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// quoted lists the first of some names.
func quoted(names []string) string {
	const most = 10
	if len(names) > most {
		return fmt.Sprintf("%.60q and %d more", names[:most], len(names)-most)
	}
	return fmt.Sprintf("%.60q", names)
}

// npyEntry is an array of an archive before its elements are read.
type npyEntry struct {
	file   *zip.File
	offset int64 // of the elements
	arrayHeader
}

// arrayHeader is what an .npy file says of its elements.
type arrayHeader struct {
	shape []int
	kind  elementKind
	order binary.ByteOrder
}

// inflation is more than DEFLATE can make of a byte: 258 bytes of two bits.
const inflation = 1032

// readEntryHeader reads the header of an entry of an archive of that length.
func readEntryHeader(f *zip.File, length int64) (npyEntry, error) {
	size, most := f.UncompressedSize64, f.CompressedSize64
	if f.Method != zip.Store {
		most *= inflation
	}
	if f.CompressedSize64 > uint64(length) || size > most {
		return npyEntry{}, fmt.Errorf("it cannot have the %d bytes that the archive claims: it is damaged", size)
	}
	r, err := f.Open()
	if err != nil {
		return npyEntry{}, err
	}
	defer r.Close()
	h, offset, err := readNPYHeader(r)
	if err != nil {
		return npyEntry{}, err
	}
	return npyEntry{f, offset, h}, h.fits(int64(size) - offset)
}

// read reads the elements of an array.
func (f *npzArchive) read(ctx context.Context, name string) (a NPYArray, err error) {
	e := f.array[name]
	r, err := e.file.Open()
	if err == nil {
		defer r.Close()
		a, err = e.readFrom(interruptible{ctx, r})
	}
	if err != nil {
		return a, fmt.Errorf("%s: %s: %w", f.path, e.file.Name, err)
	}
	return a, nil
}

func (e npyEntry) readFrom(r io.Reader) (NPYArray, error) {
	if _, err := io.CopyN(io.Discard, r, e.offset); err != nil {
		return NPYArray{}, err
	}
	return e.decode(r)
}

// readArray reads an .npy file.
func readArray(content []byte) (NPYArray, error) {
	r := bytes.NewReader(content)
	h, _, err := readNPYHeader(r)
	if err == nil {
		err = h.fits(int64(r.Len()))
	}
	if err != nil {
		return NPYArray{}, err
	}
	return h.decode(r)
}

// A header of version 1.0 has at most so many bytes; what is longer holds no array of numbers.
const longestHeader = 1 << 16

// readNPYHeader reads the header of a file, and returns how many bytes it takes.
func readNPYHeader(r io.Reader) (h arrayHeader, length int64, err error) {
	content, err := headerBytes(r)
	if err != nil {
		return h, 0, errors.New("not an .npy file")
	}
	header, err := parseNPYHeader(content)
	if err != nil {
		return h, 0, err
	}
	if header.Descr.Fortran && len(header.Descr.Shape) > 1 {
		return h, 0, errors.New("it is stored column by column: save numpy.ascontiguousarray of it")
	}
	kind, known := elementKinds[strings.TrimLeft(header.Descr.Type, "<>|")]
	if !known {
		return h, 0, fmt.Errorf("its elements are of type %.60q: floats of 16, 32 or 64 bits, integers and booleans are read; convert it with astype",
			header.Descr.Type)
	}
	h = arrayHeader{append([]int{}, header.Descr.Shape...), kind, binary.LittleEndian}
	if strings.HasPrefix(header.Descr.Type, ">") {
		h.order = binary.BigEndian
	}
	return h, int64(len(content)), nil
}

// headerBytes reads the magic number, the version, the length of the rest, and the rest.
func headerBytes(r io.Reader) ([]byte, error) {
	content := make([]byte, 12)
	start := content[:10]
	if _, err := io.ReadFull(r, start); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint16(start[8:]))
	if start[6] > 1 { // version
		if _, err := io.ReadFull(r, content[10:]); err != nil {
			return nil, err
		}
		start, length = content, int64(binary.LittleEndian.Uint32(content[8:]))
	}
	if length > longestHeader {
		return nil, io.ErrUnexpectedEOF
	}
	all := append(start[:len(start):len(start)], make([]byte, length)...)
	_, err := io.ReadFull(r, all[len(start):])
	return all, err
}

// parseNPYHeader parses a whole header. The library panics on what it cannot parse.
func parseNPYHeader(content []byte) (header npy.Header, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("not an .npy file")
		}
	}()
	reader, err := npy.NewReader(bytes.NewReader(content))
	if err != nil {
		return header, err
	}
	return reader.Header, nil
}

// fits requires that the elements take the rest of the file.
func (h arrayHeader) fits(rest int64) error {
	elements := int64(1)
	for _, n := range h.shape {
		if n < 0 || n > 0 && elements > rest/int64(n) && !slices.Contains(h.shape, 0) {
			return fmt.Errorf("the shape %v does not fit %d bytes", h.shape, rest)
		}
		elements *= int64(n)
	}
	if elements*int64(h.kind.bytes) != rest {
		return fmt.Errorf("the shape %v does not fit %d bytes", h.shape, rest)
	}
	return nil
}

// elements returns their number, for a shape that fits.
func (h arrayHeader) elements() int {
	elements := 1
	for _, n := range h.shape {
		elements *= n
	}
	return elements
}

// bytes returns how much memory the elements take.
func (h arrayHeader) bytes() int64 { return int64(h.elements()) * int64(h.kind.wide) }

// decode reads the elements, which end where the file does.
func (h arrayHeader) decode(r io.Reader) (NPYArray, error) {
	data, err := h.kind.decode(r, h.elements(), h.order)
	if err != nil {
		return NPYArray{}, err
	}
	if n, err := io.Copy(io.Discard, r); err != nil || n > 0 { // reading to the end compares checksums
		return NPYArray{}, cmp.Or(err, fmt.Errorf("it holds more than the elements of the shape %v", h.shape))
	}
	return NPYArray{h.shape, data, h.kind.integers}, nil
}

// elementKind is how the elements of a type are read.
type elementKind struct {
	bytes    int // in the file
	wide     int // in memory
	integers bool
	decode   func(r io.Reader, elements int, order binary.ByteOrder) (array.Array, error)
}

var elementKinds = map[string]elementKind{
	"f2": {2, 4, false, half},
	"f4": {4, 4, false, narrow[float32]},
	"f8": {8, 8, false, wide[float64]},
	"b1": {1, 4, true, narrow[uint8]},
	"u1": {1, 4, true, narrow[uint8]},
	"i1": {1, 4, true, narrow[int8]},
	"u2": {2, 4, true, narrow[uint16]},
	"i2": {2, 4, true, narrow[int16]},
	"u4": {4, 8, true, wide[uint32]},
	"i4": {4, 8, true, wide[int32]},
	"u8": {8, 8, true, wide[uint64]},
	"i8": {8, 8, true, wide[int64]},
}

type number interface {
	int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64 | float32 | float64
}

func narrow[T number](r io.Reader, elements int, order binary.ByteOrder) (array.Array, error) {
	numbers, err := decoded[T, float32](r, elements, order)
	return array.From32(numbers), err
}

func wide[T number](r io.Reader, elements int, order binary.ByteOrder) (array.Array, error) {
	numbers, err := decoded[T, float64](r, elements, order)
	return array.From64(numbers), err
}

// half reads numbers of half precision.
func half(r io.Reader, elements int, order binary.ByteOrder) (array.Array, error) {
	numbers, err := decoded[uint16, float32](r, elements, order)
	for i, bits := range numbers {
		numbers[i] = array.Float16.Value(uint16(bits))
	}
	return array.From32(numbers), err
}

// decoded reads elements by the block, so that no second copy of them all is made.
func decoded[From, To number](r io.Reader, elements int, order binary.ByteOrder) ([]To, error) {
	var block [1 << 14]From
	width := binary.Size(block[0])
	raw := make([]byte, min(len(block), elements)*width)
	numbers := make([]To, 0, elements)
	for len(numbers) < elements {
		n := min(len(block), elements-len(numbers))
		if _, err := io.ReadFull(r, raw[:n*width]); err != nil {
			return nil, err
		}
		if _, err := binary.Decode(raw[:n*width], order, block[:n]); err != nil {
			panic(err) // the block is whole
		}
		for _, v := range block[:n] {
			numbers = append(numbers, To(v))
		}
	}
	return numbers, nil
}
