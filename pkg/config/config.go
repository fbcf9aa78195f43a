// Package config turns files, the environment and flags into one checked Config.
//
// The way of a value:
//
//  1. The fields of Config are the keys that exist (keys.go); the default file
//     gives each key its default and, as the comment above it, its description.
//  2. Each source becomes a layer: key -> typed value and Origin. Files are read
//     as YAML nodes (file.go), so that an unknown key, a value of a wrong type
//     and a repeated key are told with their line; the environment and flags
//     are read from text (text.go).
//  3. viper lays the layers over each other, in the order default < XDG file <
//     --config or ./salesctl.yaml < environment < flags, and fills a Config.
//  4. The Config is checked as a whole (check.go); what is wrong is told at the
//     origin of the value.
//
// Values of list and map keys replace each other as a whole.
//
// The package is for the command line alone: every other room has Options of
// its own.
package config

// Config is every setting, checked.
type Config struct {
	Data     Data     `yaml:"data"`
	Store    Store    `yaml:"store"`
	Tracking Tracking `yaml:"tracking"`
	S3       S3       `yaml:"s3"`
	Train    Train    `yaml:"train"`
	Serve    Serve    `yaml:"serve"`
}

// Data says where the sales come from and how their file names things.
type Data struct {
	Path      string   `yaml:"path"`
	Keys      []string `yaml:"keys" validate:"min=1,unique,dive,required"`
	Date      string   `yaml:"date" validate:"required"`
	Target    string   `yaml:"target" validate:"required"`
	Columns   Columns  `yaml:"columns"`
	Static    []string `yaml:"static" validate:"unique,dive,required"`
	Layout    string   `yaml:"layout"`
	Decimal   string   `yaml:"decimal"` // checked where numbers are read
	WeekEnds  string   `yaml:"week_ends" validate:"omitempty,oneof=monday tuesday wednesday thursday friday saturday sunday"`
	Frequency string   `yaml:"frequency" validate:"oneof=weekly daily monthly"`
}

// Store says where loads, observations and predictions are kept.
type Store struct {
	DSN string `yaml:"dsn" validate:"required"`
}

// Tracking says where runs and models are logged. Its credentials are for a
// server of somebody else's.
type Tracking struct {
	URI       string   `yaml:"uri" validate:"required"`
	Username  string   `yaml:"username"`
	Password  string   `yaml:"password"`
	Token     string   `yaml:"token"`
	Artifacts string   `yaml:"artifacts" validate:"required"`
	Host      string   `yaml:"host" validate:"required,ip|hostname_rfc1123"`
	Port      int      `yaml:"port" validate:"min=0,max=65535"`
	Auth      string   `yaml:"auth" validate:"omitempty,oneof=none key"`
	Hosts     []string `yaml:"allowed_hosts" validate:"unique,dive,required"`
	UI        string   `yaml:"ui"`

	Workspaces string `yaml:"enable_workspaces" validate:"omitempty,oneof=true false 1 0"`
	Workspace  string `yaml:"workspace"`
}

// HasWorkspaces reports whether a database here is divided into workspaces.
func (t Tracking) HasWorkspaces() bool { return t.Workspaces == "true" || t.Workspaces == "1" }

// S3 says how artifacts in S3 are reached; credentials come from the AWS SDK's
// own places.
type S3 struct {
	Endpoint   string `yaml:"endpoint"`
	Region     string `yaml:"region"`
	PathStyle  string `yaml:"path_style" validate:"omitempty,oneof=true false"`
	Encryption string `yaml:"encryption" validate:"omitempty,oneof=AES256 aws:kms"`
	KMSKey     string `yaml:"kms_key"`
}

// Train says what is trained and how it is compared. The names of models and
// their parameters are the model catalogue's to check.
type Train struct {
	Models   []string `yaml:"models" validate:"min=1,unique,dive,required"`
	Folds    int      `yaml:"folds" validate:"min=1,max=100"`
	Horizon  int      `yaml:"horizon" validate:"min=1,max=520"`
	Score    string   `yaml:"score" validate:"oneof=mse rmse mae mape wape"`
	Spaces   string   `yaml:"spaces"`
	Seed     uint64   `yaml:"seed"`
	Jobs     int      `yaml:"jobs" validate:"min=0,max=1024"`
	Features Params   `yaml:"features"`
	RF       Params   `yaml:"rf"`
	Extra    Params   `yaml:"extra_trees"`
	GBT      Params   `yaml:"gbt"`
}

// Serve says where the HTTP API listens and whom it answers.
type Serve struct {
	Host  string   `yaml:"host" validate:"required,ip|hostname_rfc1123"`
	Port  int      `yaml:"port" validate:"min=0,max=65535"`
	Auth  string   `yaml:"auth" validate:"omitempty,oneof=none key"`
	Hosts []string `yaml:"allowed_hosts" validate:"unique,dive,required"`
}

// Column is one entry of a column mapping.
type Column struct {
	Name   string // ours
	Header string // the file's
}

// Columns is a column mapping in the order in which it was written. It is no
// map, because the order of columns is the order of features.
type Columns []Column

// Params are the parameters of a model as they were written: int, float64,
// bool, string, or lists of these by name. It is a type of its own, because
// viper would put the names of a plain map into lower case.
type Params map[string]any
