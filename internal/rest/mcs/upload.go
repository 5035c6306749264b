package mcs

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"

	"usher/internal/fault"
	"usher/internal/media"
	"usher/internal/rest"
)

// maxParts is how many parts of a form are looked at to find the file.
const maxParts = 16

// maxField is how much of a part that is no file is read, in bytes.
const maxField = 4 << 10

func (e *endpoint) upload(ctx context.Context, c *rest.Call, contentType string, size int64, body io.Reader) (fileWire, error) {
	n := media.NewMedia{ContentType: contentType, Category: c.Query("Category"), Filename: c.Query("Filename"), Size: size}
	if n.Filename == "" {
		n.Filename = filenameOf(c.Header("Content-Disposition"))
	}
	file, err := parse(contentType, body, &n)
	if err != nil {
		return fileWire{}, err
	}
	m, err := e.Files.Upload(ctx, c.Actor, c.SID(varService), n, file)
	if err != nil {
		return fileWire{}, err
	}
	return e.view(c, m), nil
}

// parse finds the file in a body: the body itself, or the part of a form, with what the form says of it.
func parse(contentType string, body io.Reader, n *media.NewMedia) (io.Reader, error) {
	t, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(t, "multipart/") {
		return body, nil
	}
	return fileOf(multipart.NewReader(body, parameters["boundary"]), n)
}

// fileOf finds the file in a form: the first part that has a file's name, or is called file or media. Fields before it may say
// its name and category.
func fileOf(form *multipart.Reader, n *media.NewMedia) (io.Reader, error) {
	n.Size = -1 // that of the form is not that of the file
	for range maxParts {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Invalid("The request body is no multipart form").With(err)
		}
		name := part.FormName()
		if filename := part.FileName(); filename != "" || name == "file" || name == "media" {
			if filename != "" {
				n.Filename = filename
			}
			n.ContentType = part.Header.Get("Content-Type")
			return part, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, maxField))
		if err != nil {
			return nil, fault.Invalid("The request body is no multipart form").With(err)
		}
		switch strings.ToLower(name) {
		case "filename":
			n.Filename = string(value)
		case "category":
			n.Category = string(value)
		}
	}
	return nil, fault.Invalid("The form holds no file")
}

// filenameOf reads the name of a file in a Content-Disposition header; "" when there is none.
func filenameOf(disposition string) string {
	_, parameters, err := mime.ParseMediaType(disposition)
	if err != nil {
		return ""
	}
	return parameters["filename"]
}

// dispositionOf is the header that says what a browser does with a file, and under which name it saves it.
func dispositionOf(m media.Media) string {
	kind := "attachment"
	if m.Inline() {
		kind = "inline"
	}
	name := m.Filename
	if name == "" {
		name = string(m.SID)
	}
	if strings.IndexFunc(name, func(r rune) bool { return r < 0x20 || r > 0x7e }) < 0 {
		return mime.FormatMediaType(kind, map[string]string{"filename": name})
	}
	// Both forms: old readers get one without the letters that they cannot read.
	plain := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, name)
	return kind + `; filename="` + plain + `"; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}
