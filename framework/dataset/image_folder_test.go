package dataset

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

func encoded(img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// colours returns an image whose first pixel is red, and whose others are different.
func colours(height, width int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range height * width {
		img.SetNRGBA(i%width, i/width, color.NRGBA{uint8(i * 7), uint8(255 - i*3), uint8(i), 255})
	}
	img.SetNRGBA(0, 0, color.NRGBA{255, 0, 0, 255})
	return img
}

func pngFile(height, width int) []byte { return encoded(colours(height, width)) }

func jpegFile(height, width int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = 200 // grey, which JPEG keeps
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 100}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// shade returns a PNG file of one grey pixel.
func shade(v uint8) []byte {
	img := image.NewGray(image.Rect(0, 0, 1, 1))
	img.Pix[0] = v
	return encoded(img)
}

func TestClassesAndImagesAreInTheOrderOfTheirNames(t *testing.T) {
	for _, forTest := range []string{"test", "val"} {
		folder := t.TempDir()
		writeFiles(t, folder, map[string][]byte{
			"train/b/1.png":            shade(1),
			"train/b/2.PNG":            shade(2),
			"train/B/10.png":           shade(3),
			"train/B/9.jpeg":           jpegFile(1, 1),
			"train/a-1/x.JPG":          jpegFile(1, 1),
			"train/README.md":          nil,
			"train/.hidden/1.png":      shade(1),
			"train/b/.DS_Store":        nil,
			forTest + "/a-1/x.png":     shade(4),
			forTest + "/B/x.png":       shade(5),
			forTest + "/b/x.png":       shade(6),
			forTest + "/b/y.png":       shade(7),
			"documentation/readme.txt": nil,
		})
		d, err := (&ImageFolder{Path: folder, Channels: 1}).Load(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Check(); err != nil {
			t.Error(err)
		}
		for _, c := range []struct {
			what      string
			got, want []float32
		}{
			{"training classes", d.Train.Targets.F32, []float32{0, 0, 1, 2, 2}}, // B, a-1, b
			{"training images", d.Train.Inputs.F32, []float32{3. / 255, 200. / 255, 200. / 255, 1. / 255, 2. / 255}},
			{"test classes", d.Test.Targets.F32, []float32{0, 1, 2, 2}},
			{"test images", d.Test.Inputs.F32, []float32{5. / 255, 4. / 255, 6. / 255, 7. / 255}},
		} {
			if !slices.Equal(c.got, c.want) {
				t.Errorf("%s: %s are %v, want %v", forTest, c.what, c.got, c.want)
			}
		}
		if d.Train.Classes != 3 || d.Test.Classes != 3 || !slices.Equal(d.Train.Shape, []int{1, 1, 1}) {
			t.Errorf("%d and %d classes, shape %v", d.Train.Classes, d.Test.Classes, d.Train.Shape)
		}
	}
}

func TestPixelsOfEveryKindOfImage(t *testing.T) {
	at := func(img interface {
		image.Image
		Set(x, y int, c color.Color)
	}, c color.Color) image.Image {
		img.Set(0, 0, c)
		return img
	}
	one := image.Rect(0, 0, 1, 1)
	for _, c := range []struct {
		name  string
		image image.Image
		rgb   [3]float64
	}{
		{"grey", at(image.NewGray(one), color.Gray{51}), [3]float64{0.2, 0.2, 0.2}},
		{"grey, 16 bits", at(image.NewGray16(one), color.Gray16{0x1234}), [3]float64{0x1234 / 65535., 0x1234 / 65535., 0x1234 / 65535.}},
		{"colour", at(image.NewRGBA(one), color.RGBA{255, 51, 102, 255}), [3]float64{1, 0.2, 0.4}},
		{"colour, 16 bits", at(image.NewRGBA64(one), color.RGBA64{0xffff, 1, 2, 0xffff}), [3]float64{1, 1 / 65535., 2 / 65535.}},
		{"half transparent", at(image.NewNRGBA64(one), color.NRGBA64{0xffff, 0x8000, 0, 0x8000}), [3]float64{0x8000 / 65535., 0.25, 0}},
		{"transparent", at(image.NewNRGBA(one), color.NRGBA{255, 255, 255, 0}), [3]float64{}},
		{"a palette", at(image.NewPaletted(one, color.Palette{color.RGBA{0, 0, 51, 255}}), color.Black), [3]float64{0, 0, 0.2}},
	} {
		file := encoded(c.image)
		img, err := decodePicture(bytes.NewReader(file))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := planes(img, 3)
		grey := 0.299*c.rgb[0] + 0.587*c.rgb[1] + 0.114*c.rgb[2]
		for i, want := range append(c.rgb[:], grey) {
			v := planes(img, 1)[0]
			if i < 3 {
				v = got[i]
			}
			if math.Abs(float64(v)-want) > 2e-5 {
				t.Errorf("%s: number %d is %v, want %v", c.name, i, v, want)
			}
		}
	}
}

func TestAnImageIsPlaneAfterPlaneAndRowAfterRow(t *testing.T) {
	img := colours(2, 3)
	want := make([]float32, 0, 18)
	for c := range 3 {
		for y := range 2 {
			for x := range 3 {
				want = append(want, float32(img.Pix[img.PixOffset(x, y)+c])/255)
			}
		}
	}
	if got := planes(img, 3); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	cut := img.SubImage(image.Rect(1, 1, 3, 2))
	if got, want := planes(cut, 3)[:2], want[4:6]; !slices.Equal(got, want) {
		t.Errorf("a part of an image has the reds %v, want %v", got, want)
	}
}

func TestImagesOfAnySizeAreResized(t *testing.T) {
	folder := t.TempDir()
	writeFiles(t, folder, map[string][]byte{
		"train/a/1.png": pngFile(4, 6), "train/a/2.jpg": jpegFile(9, 2), "train/b/1.png": pngFile(3, 5), "test/a/1.png": pngFile(8, 8), "test/b/1.png": pngFile(1, 1),
	})
	source := &ImageFolder{Path: folder, Channels: 3}
	if _, err := source.Load(context.Background()); err == nil || !strings.Contains(err.Error(), "set resize = [height, width]") ||
		!strings.Contains(err.Error(), filepath.Join("a", "2.jpg")+" has 9×2 pixels") {
		t.Errorf("without resize: %v", err)
	}
	d, err := Load(context.Background(), source, Preparation{Resize: []int{3, 5}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Train.Shape, []int{3, 3, 5}) || d.Train.Len() != 3 || d.Test.Len() != 2 {
		t.Fatalf("%d and %d images of shape %v", d.Train.Len(), d.Test.Len(), d.Train.Shape)
	}
	size := d.Train.InputSize()
	if got := d.Train.Inputs.F32[2*size:]; !slices.Equal(got, planes(colours(3, 5), 3)) {
		t.Error("the image of the right size was changed")
	}
	if got := d.Train.Inputs.F32[:size]; !slices.Equal(got, interpolate(t.Context(), planes(colours(4, 6), 3), 3, 4, 6, 3, 5)) {
		t.Error("the larger image is not its interpolation")
	}
}

func TestImagesAreHeldOutByClassAndSeed(t *testing.T) {
	files := map[string][]byte{"one/0.png": shade(99)}
	for i := range 10 {
		files["ten/"+string(rune('0'+i))+".png"] = shade(uint8(i))
	}
	for i := range 4 {
		files["four/"+string(rune('0'+i))+".png"] = shade(uint8(20 + i))
	}
	inTrain := map[string][]byte{}
	for name, content := range files {
		inTrain["train/"+name] = content
	}
	flat, below := t.TempDir(), t.TempDir()
	writeFiles(t, flat, files)
	writeFiles(t, below, inTrain)
	held := func(folder string, fraction float64, seed uint64) []float32 {
		d, err := (&ImageFolder{Path: folder, Channels: 1, TestFraction: fraction, SplitSeed: seed}).Load(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Check(); err != nil {
			t.Error(err)
		}
		all := append(slices.Clone(d.Train.Inputs.F32), d.Test.Inputs.F32...)
		slices.Sort(all)
		if len(slices.Compact(all)) != 15 {
			t.Errorf("fraction %v: of 15 images, %d are for training and %d for test", fraction, d.Train.Len(), d.Test.Len())
		}
		counts := make([]int, 3) // four, one, ten
		for _, class := range d.Test.Targets.F32 {
			counts[int(class)]++
		}
		want := map[float64][]int{0.3: {1, 0, 3}, 0.01: {1, 0, 1}, 0.99: {3, 0, 9}}[fraction]
		if !slices.Equal(counts, want) {
			t.Errorf("fraction %v: %v are held out of 4, 1 and 10, want %v", fraction, counts, want)
		}
		return d.Test.Inputs.F32
	}
	first := held(flat, 0.3, 1)
	if again := held(below, 0.3, 1); !slices.Equal(first, again) {
		t.Errorf("the same seed holds out %v and %v", first, again)
	}
	if other := held(flat, 0.3, 2); slices.Equal(first, other) {
		t.Errorf("two seeds hold out the same %v", first)
	}
	held(flat, 0.01, 1)
	held(flat, 0.99, 1)
}

func TestFoldersThatAreNoDataSetAreRefusedWithWhatToDo(t *testing.T) {
	var b bytes.Buffer
	if err := gif.Encode(&b, image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black}), nil); err != nil {
		t.Fatal(err)
	}
	wide := bytes.Replace(pngFile(1, 3), []byte{0, 0, 0, 3, 0, 0, 0, 1}, []byte{0, 0, 0x40, 1, 0, 0, 0, 1}, 1)
	good := map[string][]byte{"train/a/1.png": shade(1), "train/b/1.png": shade(2), "test/a/1.png": shade(3), "test/b/1.png": shade(4)}
	for _, c := range []struct {
		name   string
		source ImageFolder
		remove string
		add    map[string][]byte
		want   string
	}{
		{"no test folder", ImageFolder{Channels: 1}, "test", nil, "holds no folder test or val: make one, or set test_fraction = 0.2"},
		{"no train folder", ImageFolder{Channels: 1}, "train", nil, "holds no folder train beside test: make one"},
		{"both a folder and a fraction", ImageFolder{Channels: 1, TestFraction: 0.5}, "", nil, "test is there for test: remove test_fraction"},
		{"one image for each class", ImageFolder{Channels: 1, TestFraction: 0.5}, "test", nil, "nothing is left to hold out"},
		{"a class for training only", ImageFolder{Channels: 1}, "test/b", nil, "test holds no folder b, but"},
		{"a class for test only", ImageFolder{Channels: 1}, "train/a", nil, "train holds no folder a, but"},
		{"no classes", ImageFolder{Channels: 1}, "train", map[string][]byte{"train/readme": nil}, "train holds no folders: make one for each class"},
		{"an empty class", ImageFolder{Channels: 1}, "", map[string][]byte{"train/c/.keep": nil}, "c holds no images: add some, or remove it"},
		{"an image without a class", ImageFolder{Channels: 1}, "", map[string][]byte{"train/x.jpg": nil}, "x.jpg is in no class: move it"},
		{"a folder in a class", ImageFolder{Channels: 1}, "", map[string][]byte{"train/a/x/1.png": shade(1)}, "is a folder in a class: move its images up"},
		{"another format", ImageFolder{Channels: 1}, "", map[string][]byte{"train/a/x.webp": nil}, "x.webp is no .png, .jpg or .jpeg file: convert it"},
		{"another format in disguise", ImageFolder{Channels: 1}, "", map[string][]byte{"train/a/x.png": b.Bytes()}, "x.png: it is neither PNG nor JPEG"},
		{"no image", ImageFolder{Channels: 1}, "", map[string][]byte{"train/a/x.png": []byte("<html>")}, "x.png: it is neither PNG nor JPEG"},
		{"an empty file", ImageFolder{Channels: 1}, "", map[string][]byte{"test/a/x.png": nil}, "x.png: it is "},
		{"cut off in the header", ImageFolder{Channels: 1}, "", map[string][]byte{"train/a/x.png": shade(1)[:20]}, "x.png: it is cut off: replace it"},
		{"cut off", ImageFolder{Channels: 1}, "", map[string][]byte{"train/a/x.jpg": jpegFile(9, 9)[:300]}, "x.jpg: it is cut off"},
		{"damaged", ImageFolder{Channels: 1}, "", map[string][]byte{"train/a/x.png": append(shade(1)[:45], 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14)}, "x.png: it is damaged"},
		{"too wide", ImageFolder{Channels: 1}, "", map[string][]byte{"train/a/x.png": crcOfHeader(wide)}, "x.png: it has 1×16385 pixels; 16384 a side"},
		{"two sizes", ImageFolder{Channels: 1}, "", map[string][]byte{"test/b/x.png": pngFile(2, 1)}, "x.png has 2×1 pixels, but"},
		{"two channels", ImageFolder{Channels: 2}, "", nil, "channels = 2: write 3 for colour images, 1 for grey ones"},
	} {
		folder := t.TempDir()
		files := maps.Clone(good)
		maps.Copy(files, c.add)
		maps.DeleteFunc(files, func(name string, _ []byte) bool {
			return c.remove != "" && strings.HasPrefix(name, c.remove+"/") && c.add[name] == nil && good[name] != nil
		})
		writeFiles(t, folder, files)
		c.source.Path = folder
		_, err := c.source.Load(context.Background())
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "data set image-folder: ") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	absent := filepath.Join(t.TempDir(), "absent")
	if _, err := (&ImageFolder{Path: absent, Channels: 3}).Load(context.Background()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), absent) {
		t.Errorf("error %v, want an fs.ErrNotExist with the folder", err)
	}
}

// crcOfHeader makes the checksum of a PNG file's header right.
func crcOfHeader(file []byte) []byte {
	sum := crc32.ChecksumIEEE(file[12:29])
	copy(file[29:], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	return file
}

func TestAnImageThatClaimsTooMuchTakesLittleMemory(t *testing.T) {
	for _, size := range [][8]byte{
		{0, 0, 0x40, 0, 0, 0, 0x40, 0}, // 16384 × 16384
		{0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff},
	} {
		file := pngFile(1, 3)
		copy(file[16:], size[:])
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := decodePicture(bytes.NewReader(crcOfHeader(file)))
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%v is accepted", size)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%v took %d bytes of memory: %v", size, used, err)
		}
	}
}

func TestLinksAreFollowed(t *testing.T) {
	folder := t.TempDir()
	writeFiles(t, folder, map[string][]byte{"train/a/1.png": shade(1)})
	if err := os.Symlink("train", filepath.Join(folder, "test")); err != nil {
		t.Skip("this system: ", err)
	}
	d, err := (&ImageFolder{Path: folder, Channels: 1}).Load(context.Background())
	if err != nil || !d.Test.Inputs.Equal(array.From32([]float32{1. / 255})) {
		t.Errorf("%v, %v", d, err)
	}
}

func TestLoadingImagesStopsWhenCancelled(t *testing.T) {
	folder := t.TempDir()
	writeFiles(t, folder, map[string][]byte{"train/a/1.png": shade(1), "test/a/1.png": shade(1)})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (&ImageFolder{Path: folder, Channels: 1}).Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// FuzzPicture requires that whatever is decoded has the pixels that it claims, from 0 to 1.
func FuzzPicture(f *testing.F) {
	f.Add(pngFile(2, 3))
	f.Add(jpegFile(9, 17))
	f.Add(shade(7))
	f.Add(shade(7)[:40])
	f.Fuzz(func(t *testing.T, file []byte) {
		if config, _, err := image.DecodeConfig(bytes.NewReader(file)); err == nil && config.Width*config.Height > 1<<16 {
			return // it would only take time
		}
		img, err := decodePicture(bytes.NewReader(file))
		if err != nil {
			return
		}
		b := img.Bounds()
		for _, channels := range []int{1, 3} {
			x := planes(img, channels)
			if len(x) != channels*b.Dx()*b.Dy() || slices.Min(x) < 0 || slices.Max(x) > 1 {
				t.Errorf("%d numbers of %v in %d channels", len(x), b, channels)
			}
		}
	})
}

func BenchmarkPlanes(b *testing.B) {
	img, err := decodePicture(bytes.NewReader(jpegFile(224, 224)))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		planes(img, 3)
	}
}
