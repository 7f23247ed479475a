package sock

// LowWater is a Stream that can be told to keep quiet about little data. Whoever is going to
// need much of it is then spared a notification, and a system call, for each small part.
type LowWater interface {
	// SetReadLowWater has the stream become Readable no sooner than n bytes are there, or its
	// end, or an error. It is a wish: the system may be short of memory, or not let that much
	// gather, and speaks up earlier then. What has arrived can be read all the same.
	//
	// With 1, the normal state, the stream is Readable at once if it was quiet about anything;
	// there is no notification then, since the caller is there to ask.
	SetReadLowWater(n int) error
}
