package dataset

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzImageTree lists a folder's entries, one a line: its kind, a space, and its path. Whatever stands there is a data set that passes its own
// check, or an error.
func FuzzImageTree(f *testing.F) {
	f.Add("png train/a/1.png\npng train/b/2.png\npng test/a/1.png\njpeg test/b/2.jpg", 0.0, uint8(3), false)
	f.Add("png a/1.png\npng a/2.png\nlarge b/1.png\npng b/2.png", 0.5, uint8(1), true)
	f.Add("folder train/a\nlink train/b\nlink val\nother train/a/x.png\nfolder .hidden", 0.0, uint8(2), true)
	f.Add("png a/1.png\npng b/1.png", 0.999, uint8(3), false)
	f.Add("lost train/a\nempty test/a/1.jpeg", -1.0, uint8(0), false)
	content := map[string][]byte{"png": pngFile(2, 3), "jpeg": jpegFile(2, 3), "large": pngFile(5, 4), "other": []byte("no image"), "empty": nil}
	f.Fuzz(func(t *testing.T, tree string, fraction float64, channels uint8, resized bool) {
		root := t.TempDir()
		lines := strings.Split(tree, "\n")
		for _, line := range lines[:min(len(lines), 30)] {
			kind, name, _ := strings.Cut(line, " ")
			path := filepath.Join(root, name)
			if !filepath.IsLocal(name) || os.MkdirAll(filepath.Dir(path), 0o755) != nil {
				continue
			}
			data, isFile := content[kind]
			switch { // what cannot be made is left out
			case isFile:
				_ = os.WriteFile(path, data, 0o644)
			case kind == "folder":
				_ = os.Mkdir(path, 0o755)
			case kind == "link":
				_ = os.Symlink(root, path)
			case kind == "lost":
				_ = os.Symlink(filepath.Join(root, "nowhere"), path)
			}
		}
		var p Preparation
		if resized {
			p.Resize = []int{3, 2}
		}
		d, err := Load(t.Context(), &ImageFolder{Path: root, Channels: int(channels), TestFraction: fraction}, p)
		if err != nil {
			if strings.Contains(err.Error(), "runtime error") {
				t.Error(err)
			}
			return
		}
		if err := d.Check(); err != nil || d.Train.Shape[0] != int(channels) {
			t.Errorf("examples of shape %v, %v", d.Train.Shape, err)
		}
	})
}
