package s3

import (
	"context"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/salesctl/salesctl/pkg/artifact"
)

// breaks is how often a stream may break off and go on.
const breaks = 3

// file is one version of an object.
type file struct {
	ctx  context.Context // of Get: a reader's methods take none
	s    *Store
	path string
	key  string
	tag  string
	size int64
}

// Get finds the file. What is read from it later is under the same context.
func (s *Store) Get(ctx context.Context, p string) (artifact.File, error) {
	key, err := s.key(p)
	if err != nil {
		return nil, err
	}
	head, err := s.head(ctx, p, key)
	if err != nil {
		return nil, err
	}
	return &file{ctx, s, p, key, aws.ToString(head.ETag), aws.ToInt64(head.ContentLength)}, nil
}

func (s *Store) head(ctx context.Context, p, key string) (*s3.HeadObjectOutput, error) {
	out, err := s.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
	if err == nil {
		return out, nil
	}
	if isMissing(err) { // the answer has no body that could tell what is missing
		if _, why := s.api.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket}); isMissing(why) {
			return nil, s.noBucket(err)
		}
	}
	return nil, s.fault(ctx, p, err)
}

// Size returns the length in bytes.
func (f *file) Size() int64 { return f.size }

// Close does nothing: no request stays open between two reads.
func (f *file) Close() error { return nil }

// open requests the bytes from first to last.
func (f *file) open(first, last int64) (io.ReadCloser, error) {
	out, err := f.s.api.GetObject(f.ctx, &s3.GetObjectInput{
		Bucket: &f.s.bucket, Key: &f.key, IfMatch: aws.String(f.tag),
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", first, last)),
	})
	if err != nil {
		return nil, f.s.fault(f.ctx, f.path, err)
	}
	return out.Body, nil
}

// ReadAt is one request.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.size {
		return 0, io.EOF
	}
	var end error
	if left := f.size - off; int64(len(p)) > left {
		p, end = p[:left], io.EOF
	}
	if len(p) == 0 {
		return 0, end
	}
	body, err := f.open(off, off+int64(len(p))-1)
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Close() }()
	n, err := io.ReadFull(body, p)
	if err != nil {
		return n, f.s.fault(f.ctx, f.path, err)
	}
	return n, end
}

// WriteTo is one request, or some more where the stream breaks off.
func (f *file) WriteTo(w io.Writer) (int64, error) {
	var done int64
	for broken := 0; done < f.size; broken++ {
		body, err := f.open(done, f.size-1)
		if err != nil {
			return done, err
		}
		to := &sink{w: w}
		n, err := io.Copy(to, body)
		_ = body.Close() // it was only read
		done += n
		switch {
		case to.err != nil:
			return done, to.err
		case err != nil && (broken == breaks || f.ctx.Err() != nil):
			return done, f.s.fault(f.ctx, f.path, err)
		case err == nil && done < f.size && broken == breaks:
			return done, f.s.fault(f.ctx, f.path, io.ErrUnexpectedEOF)
		}
	}
	return done, nil
}

// sink keeps the error of the one who writes apart from those of the stream.
type sink struct {
	w   io.Writer
	err error
}

// Write passes on.
func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}
