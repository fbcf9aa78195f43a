package s3

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
)

// answering is how long Check waits.
const answering = 5 * time.Second

// Check asks for the bucket, and waits for 5 seconds at most: fault.Config where
// there is none or it lies in another region, fault.Auth where we may not use it,
// fault.Unavailable where nobody answers.
func (s *Store) Check(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, answering)
	defer cancel()
	_, err := s.api.HeadBucket(limited, &s3.HeadBucketInput{Bucket: &s.bucket})
	switch {
	case err == nil:
		return nil
	case isMissing(err):
		return s.noBucket(err)
	case ctx.Err() == nil && limited.Err() != nil:
		away := s.away()
		return fault.New(away.kind, "%w, within %s", &artifact.UnusableError{Store: s.String(), What: away.what, Err: err}, answering).
			WithHint("%s", away.hint)
	}
	return s.fault(limited, "", err)
}

// Sweep aborts the uploads in parts that were begun before the moment and not
// ended. It lists them first, which needs s3:ListBucketMultipartUploads.
func (s *Store) Sweep(ctx context.Context, before time.Time) (removed int, err error) {
	in := &s3.ListMultipartUploadsInput{Bucket: &s.bucket}
	if s.prefix != "" {
		in.Prefix = aws.String(s.prefix + "/")
	}
	for {
		page, err := s.api.ListMultipartUploads(ctx, in)
		if err != nil {
			return removed, s.fault(ctx, "", err)
		}
		for _, u := range page.Uploads {
			if !aws.ToTime(u.Initiated).Before(before) {
				continue
			}
			_, err := s.api.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: u.Key, UploadId: u.UploadId})
			if err = s.fault(ctx, aws.ToString(u.Key), err); err != nil && !fault.Is(err, fault.NotFound) { // ended meanwhile
				return removed, err
			}
			removed++
		}
		if !aws.ToBool(page.IsTruncated) {
			return removed, nil
		}
		in.KeyMarker, in.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
	}
}
