package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// bucket keeps each stream as an object.
type bucket struct {
	client *minio.Client
	name   string
	prefix string
	files  files // where a stream stands until its length is known
}

func openS3(u *url.URL, o Options, f files) (Store, error) {
	if o.ID == "" || o.Secret == "" {
		return nil, errors.New("an S3 media store needs an access key and its secret")
	}
	query := u.Query()
	endpoint, err := url.Parse(query.Get("endpoint"))
	if err != nil || query.Get("endpoint") != "" && (endpoint.Host == "" || endpoint.Scheme != "https" && endpoint.Scheme != "http") {
		return nil, errors.New("the endpoint of a media store is an address: https://host")
	}
	host, secure := endpoint.Host, endpoint.Scheme != "http"
	if host == "" {
		host = "s3.amazonaws.com"
	}
	region := query.Get("region")
	if region == "" {
		region = "us-east-1" // what stores that have no regions expect
	}
	client, err := minio.New(host, &minio.Options{
		Creds: credentials.NewStaticV4(o.ID, o.Secret, ""), Secure: secure, Region: region, BucketLookup: minio.BucketLookupAuto,
	})
	if err != nil {
		return nil, fmt.Errorf("media store: %w", err)
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		prefix += "/"
	}
	return bucket{client: client, name: u.Host, prefix: prefix, files: f}, nil
}

// Put sends a stream in one piece, from a file: the store is told its length before.
func (b bucket) Put(ctx context.Context, name string, r io.Reader) error {
	if err := checkName(name); err != nil {
		return err
	}
	file, size, err := b.files.receive(ctx, r)
	if err != nil {
		return err
	}
	if _, err = file.Seek(0, io.SeekStart); err == nil {
		_, err = b.client.PutObject(ctx, b.name, b.prefix+name, file, size, minio.PutObjectOptions{
			// The bytes are sealed: what changes on the way does not open.
			ContentType: "application/octet-stream", DisableMultipart: true, DisableContentSha256: true,
		})
	}
	if err != nil {
		err = fmt.Errorf("stream %s: %w", name, err)
	}
	return errors.Join(err, file.Close(), remove(file.Name()))
}

// Open reads an object.
func (b bucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	object, err := b.client.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err == nil {
		_, err = object.Stat() // GetObject asks nothing yet
	}
	if gone(err) {
		return nil, fmt.Errorf("stream %s: %w", name, ErrMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return object, nil
}

// Delete removes an object.
func (b bucket) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	err := b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{})
	if err != nil && !gone(err) {
		return fmt.Errorf("stream %s: %w", name, err)
	}
	return nil
}

func gone(err error) bool {
	return err != nil && minio.ToErrorResponse(err).StatusCode == http.StatusNotFound
}
