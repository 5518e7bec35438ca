package run

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// CheckpointFile is what resuming starts from: a line of JSON that describes the states, then their numbers, little-endian, in its
// order, then a CRC-32 of all that.
const CheckpointFile = "checkpoints/latest"

// checkpoint is a moment of a run: the states that its rest starts from, and how many lines were recorded by then.
type checkpoint struct {
	compose.Checkpoint
	lines int
}

type checkpointHeader struct {
	Results int           `json:"results"`
	Lines   int           `json:"lines"`
	Points  []pointHeader `json:"points"`

	Accepted []compose.Trial `json:"accepted,omitempty"`
}

type pointHeader struct {
	Job      int     `json:"job"`
	Iterate  int     `json:"iterate"`
	Diverged bool    `json:"diverged,omitempty"`
	Ended    bool    `json:"ended,omitempty"`
	Lost     bool    `json:"lost,omitempty"`
	Count    int64   `json:"count"`
	Averages [][]int `json:"averages,omitempty"` // lengths of the vectors of each
	Trail    []int   `json:"trail,omitempty"`    // lengths of its vectors
	Bracket  []int   `json:"bracket,omitempty"`  // likewise
}

func (c checkpoint) save(folder string) error {
	path := filepath.Join(folder, CheckpointFile)
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) { // in a folder that must be there
		return fmt.Errorf("run: %w", err)
	}
	return WriteFile(path, func(w io.Writer) error {
		sum := crc32.NewIEEE()
		if err := c.write(io.MultiWriter(w, sum)); err != nil {
			return err
		}
		return binary.Write(w, binary.LittleEndian, sum.Sum32())
	})
}

func (c checkpoint) write(w io.Writer) error {
	header := checkpointHeader{Results: c.Results, Lines: c.lines, Accepted: c.Accepted}
	var numbers []any
	for _, p := range c.Points {
		h := pointHeader{Job: p.Job, Iterate: p.Iterate, Diverged: p.State == nil, Ended: p.Ended, Lost: p.Lost}
		if p.State != nil {
			h.Count = p.State.Count
			numbers = append(numbers, p.State.Data.F32, p.State.Data.F64)
		}
		for _, m := range p.Averages {
			h.Averages = append(h.Averages, lengths(m))
			numbers = append(numbers, vectors(m)...)
		}
		h.Trail, h.Bracket = lengths(p.Trail), lengths(p.Bracket)
		numbers = append(append(numbers, vectors(p.Trail)...), vectors(p.Bracket)...)
		header.Points = append(header.Points, h)
	}
	if err := json.NewEncoder(w).Encode(header); err != nil {
		return err
	}
	for _, n := range numbers {
		if err := binary.Write(w, binary.LittleEndian, n); err != nil {
			return err
		}
	}
	return nil
}

func lengths(m compose.Memory) []int {
	var list []int
	for _, v := range m {
		list = append(list, len(v))
	}
	return list
}

func vectors(m compose.Memory) []any {
	var list []any
	for _, v := range m {
		list = append(list, v)
	}
	return list
}

// loadCheckpoint reads the checkpoint of a folder, which is not trusted. Without one it is the beginning.
func (r *Run) loadCheckpoint(folder string) (checkpoint, error) {
	path := filepath.Join(folder, CheckpointFile)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return checkpoint{}, nil
	}
	if err != nil {
		return checkpoint{}, fmt.Errorf("run: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return checkpoint{}, fmt.Errorf("run: %w", err)
	}
	c, err := readCheckpoint(bufio.NewReaderSize(f, 1<<20), info.Size(), r.jobs)
	if want := r.linesAfter(c.Results); err == nil && c.lines != want {
		err = fmt.Errorf("it counts %d lines after %d results, which are %d", c.lines, c.Results, want)
	}
	if err != nil {
		return checkpoint{}, fmt.Errorf("run: %s is damaged: %w (delete it to start from the beginning)", path, err)
	}
	return c, nil
}

// maxHeader bounds the line that describes the states.
const maxHeader = 1 << 26

// readCheckpoint reads a checkpoint of that many bytes. Nothing is allocated that is not in them.
func readCheckpoint(r *bufio.Reader, size int64, like []compose.Job) (checkpoint, error) {
	sum := crc32.NewIEEE()
	line, err := readLine(r, maxHeader)
	if err != nil {
		return checkpoint{}, err
	}
	sum.Write(line)
	var header checkpointHeader
	if err := json.Unmarshal(line, &header); err != nil {
		return checkpoint{}, err
	}
	if err := header.check(size-int64(len(line))-int64(sum.Size()), like); err != nil {
		return checkpoint{}, err
	}
	c := checkpoint{compose.Checkpoint{Results: header.Results, Accepted: header.Accepted}, header.Lines}
	numbers := io.TeeReader(r, sum)
	for _, h := range header.Points {
		p, err := readPoint(numbers, h, like[h.Job].Initial)
		if err != nil {
			return checkpoint{}, err
		}
		c.Points = append(c.Points, p)
	}
	computed := sum.Sum32()
	var stored uint32
	if err := binary.Read(r, binary.LittleEndian, &stored); err != nil {
		return checkpoint{}, err
	}
	if stored != computed {
		return checkpoint{}, errors.New("its checksum does not match")
	}
	return c, nil
}

// readLine reads a line of at most that many bytes.
func readLine(r *bufio.Reader, most int) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(line) > most:
			return nil, fmt.Errorf("its first line has more than %d bytes", most)
		}
	}
}

// check returns an error unless the header describes that many bytes of numbers, of these jobs.
func (h checkpointHeader) check(size int64, like []compose.Job) error {
	if h.Results < 0 || h.Lines < 0 {
		return fmt.Errorf("it stands after %d results and %d lines", h.Results, h.Lines)
	}
	total := int64(0)
	for _, p := range h.Points {
		n, err := p.size(like)
		if err != nil {
			return err
		}
		if total += n; total > size {
			break
		}
	}
	if total != size {
		return errors.New("it holds more or fewer numbers than it describes")
	}
	return nil
}

// size returns the bytes of a point's numbers.
func (h pointHeader) size(like []compose.Job) (bytes int64, err error) {
	if h.Job < 0 || h.Job >= len(like) {
		return 0, fmt.Errorf("it names job %d of %d", h.Job, len(like))
	}
	state := like[h.Job].Initial.Data
	switch {
	case h.Iterate < 0 || h.Count < 0:
		return 0, fmt.Errorf("it has iterate %d after %d applied steps", h.Iterate, h.Count)
	case h.Diverged && len(h.Trail)+len(h.Bracket) > 0:
		return 0, fmt.Errorf("iterate %d diverged, and cannot have gone on", h.Iterate)
	case !h.Diverged:
		bytes = int64(state.Len()) * int64(state.DType().Size())
	}
	for _, memory := range append([][]int{h.Trail, h.Bracket}, h.Averages...) {
		for _, n := range memory {
			if n < 0 || n > state.Len() {
				return 0, fmt.Errorf("it holds a vector of %d numbers, a state has %d", n, state.Len())
			}
			bytes += 8 * int64(n)
		}
	}
	return bytes, nil
}

func readPoint(r io.Reader, h pointHeader, initial *optim.State) (compose.Point, error) {
	p := compose.Point{Job: h.Job, Iterate: h.Iterate, Ended: h.Ended, Lost: h.Lost}
	if !h.Diverged {
		p.State = &optim.State{Layout: initial.Layout, Data: initial.Data.Clone(), Count: h.Count}
		if err := binary.Read(r, binary.LittleEndian, p.State.Data.F32); err != nil {
			return p, err
		}
		if err := binary.Read(r, binary.LittleEndian, p.State.Data.F64); err != nil {
			return p, err
		}
	}
	for _, of := range h.Averages {
		m, err := readMemory(r, of)
		if err != nil {
			return p, err
		}
		p.Averages = append(p.Averages, m)
	}
	var err error
	if p.Trail, err = readMemory(r, h.Trail); err != nil {
		return p, err
	}
	p.Bracket, err = readMemory(r, h.Bracket)
	return p, err
}

// readMemory reads vectors of these lengths.
func readMemory(r io.Reader, lengths []int) (compose.Memory, error) {
	var m compose.Memory
	for _, n := range lengths {
		v := make([]float64, n)
		if err := binary.Read(r, binary.LittleEndian, v); err != nil {
			return nil, err
		}
		m = append(m, v)
	}
	return m, nil
}
