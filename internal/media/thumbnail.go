package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"usher/internal/fault"
	"usher/internal/seal"
)

// What a picture may take to be drawn small. Its measures are read before it is decoded: a few bytes can claim a picture that
// fills the memory.
const (
	maxPixels     = 40 << 20
	maxDecoded    = 160 << 20 // bytes of the decoded picture
	maxSide       = 30_000
	thumbnailSide = 480
	maxThumbnail  = 1 << 20
)

// errNoThumbnail says that no small picture can be made of a file.
var errNoThumbnail = fault.New(50511, "Invalid message media content type: there is no small picture of this file")

// Thumbnail returns a small picture of a picture, at most 480 pixels wide and high, and its type. It is made once and kept as
// sealed as the file. What is no picture, or one that is too large to be decoded, is 50511.
func (s *Store) Thumbnail(ctx context.Context, m Media) (picture []byte, contentType string, err error) {
	if !m.Picture() {
		return nil, "", errNoThumbnail
	}
	picture, err = s.keptThumbnail(ctx, &m)
	if missingStream(err) {
		if picture, err = s.drawThumbnail(ctx, &m); err == nil {
			err = s.keepThumbnail(ctx, &m, picture)
		}
		if err == nil {
			if _, err = s.find(ctx, m.SID); err != nil { // it was deleted meanwhile, without this
				err = errors.Join(err, s.blobs.Delete(ctx, thumbnailName(m.SID)))
			}
		}
	}
	if err != nil {
		return nil, "", absent(m.SID, err)
	}
	contentType = "image/jpeg"
	if bytes.HasPrefix(picture, []byte("\x89PNG")) {
		contentType = "image/png"
	}
	return picture, contentType, nil
}

func (s *Store) keptThumbnail(ctx context.Context, m *Media) ([]byte, error) {
	raw, plain, err := s.openStream(ctx, m, thumbnailName(m.SID), thumbnail)
	if err != nil {
		return nil, err
	}
	picture, err := io.ReadAll(io.LimitReader(plain, maxThumbnail))
	return picture, errors.Join(err, raw.Close())
}

func (s *Store) keepThumbnail(ctx context.Context, m *Media, picture []byte) error {
	var sealed bytes.Buffer
	w, err := seal.SealStream(m.Secret, m.place(thumbnail), &sealed)
	if err != nil {
		return err
	}
	if _, err := w.Write(picture); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return s.blobs.Put(ctx, thumbnailName(m.SID), &sealed)
}

// drawThumbnail decodes the file and draws it small, one at a time.
func (s *Store) drawThumbnail(ctx context.Context, m *Media) (picture []byte, err error) {
	select {
	case s.artist <- struct{}{}:
		defer func() { <-s.artist }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r, err := s.Open(ctx, *m)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // it was only read
	return shrink(r, m.Sniffed)
}

type decoder struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// decoders are those of the types that Picture reports.
func decoders(contentType string) (decoder, bool) {
	switch contentType {
	case "image/png":
		return decoder{png.DecodeConfig, png.Decode}, true
	case "image/jpeg":
		return decoder{jpeg.DecodeConfig, jpeg.Decode}, true
	case "image/gif":
		return decoder{gif.DecodeConfig, gif.Decode}, true
	case "image/webp":
		return decoder{webp.DecodeConfig, webp.Decode}, true
	}
	return decoder{}, false
}

// shrink reads a picture of a type and encodes it small. A decoder that panics has met a picture that it cannot read.
func shrink(r io.ReadSeeker, contentType string) (small []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			small, err = nil, fmt.Errorf("%w: decode: %v", errNoThumbnail, p)
		}
	}()
	d, ok := decoders(contentType)
	if !ok {
		return nil, errNoThumbnail
	}
	config, err := d.config(r)
	if err != nil || !bearable(config) {
		return nil, errNoThumbnail
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	picture, err := d.decode(r)
	if err != nil {
		return nil, errNoThumbnail
	}
	if contentType == "image/jpeg" {
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
	}
	bounds := fit(picture.Bounds())
	canvas := image.NewRGBA(bounds)
	draw.ApproxBiLinear.Scale(canvas, bounds, picture, picture.Bounds(), draw.Src, nil)
	if contentType == "image/jpeg" {
		canvas = turned(canvas, orientation(r))
	}
	var out bytes.Buffer
	if canvas.Opaque() {
		err = jpeg.Encode(&out, canvas, &jpeg.Options{Quality: 82})
	} else {
		err = png.Encode(&out, canvas)
	}
	if err == nil && out.Len() >= maxThumbnail {
		return nil, errNoThumbnail
	}
	return out.Bytes(), err
}

// bearable reports whether a picture may be decoded, by its measures alone.
func bearable(c image.Config) bool {
	if c.Width < 1 || c.Height < 1 || c.Width > maxSide || c.Height > maxSide {
		return false
	}
	pixels := c.Width * c.Height // at most 30,000², which an int holds
	depth := 4
	switch c.ColorModel {
	case color.RGBA64Model, color.NRGBA64Model:
		depth = 8
	case color.GrayModel:
		depth = 1
	case color.YCbCrModel:
		depth = 3
	}
	return pixels <= maxPixels && pixels*depth <= maxDecoded
}

// fit returns the measures of the small picture: never larger than the picture, never less than a pixel.
func fit(b image.Rectangle) image.Rectangle {
	w, h := b.Dx(), b.Dy()
	if long := max(w, h); long > thumbnailSide {
		w, h = max(1, w*thumbnailSide/long), max(1, h*thumbnailSide/long)
	}
	return image.Rect(0, 0, w, h)
}
