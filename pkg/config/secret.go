package config

import (
	"reflect"

	"github.com/salesctl/salesctl/pkg/fault"
)

// refusePassword refuses a password in a file, which is committed and copied,
// and in a flag, which every user of the machine can see.
func (s *Settings) refusePassword(f field) error {
	o := s.Origin(f.key)
	if f.typ.Kind() != reflect.String || o.Layer == FromEnviron {
		return nil
	}
	text, _ := s.value(f).(string)
	if !fault.HoldsPassword(text) && (text == "" || !fault.NamesSecret(f.key)) {
		return nil
	}
	err := fault.New(fault.Config, "holds a password, which must come from the environment").
		WithHint("set %s instead", EnvName(f.key))
	return s.Refuse(f.key, err)
}
