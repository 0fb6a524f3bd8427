// RUN: fptq-opt %s --verify-diagnostics --split-input-file

func.func @dot4_of_eight_bytes(%a: vector<16xi32>, %w: vector<32xi8>) -> vector<16xi32> {
  // expected-error@+1 {{(D1) has 32 elements for 16 sums, expected 4 for each of 8 or 16}}
  %r = fptq_x86.dot4 %a, %w, %w : vector<16xi32>, vector<32xi8>
  return %r : vector<16xi32>
}

// -----

func.func @madd8_of_half_a_register(%a: vector<8xi16>, %w: vector<16xi8>) -> vector<8xi16> {
  // expected-error@+1 {{(MA1) has 16 elements for 8 sums, expected 2 for each of 16}}
  %r = fptq_x86.madd8 %a, %w, %w weight_max(15) : vector<8xi16>, vector<16xi8>
  return %r : vector<8xi16>
}

// -----

// 2 * 127 * 129 is 32766.
func.func @madd8_that_may_not_saturate(%a: vector<16xi16>, %w: vector<32xi8>) -> vector<16xi16> {
  %r = fptq_x86.madd8 %a, %w, %w weight_max(129) : vector<16xi16>, vector<32xi8>
  return %r : vector<16xi16>
}

// -----

func.func @madd8_that_may_saturate(%a: vector<16xi16>, %w: vector<32xi8>) -> vector<16xi16> {
  // expected-error@+1 {{(MA2) weights up to 255 can saturate a pair's sum, at most 129}}
  %r = fptq_x86.madd8 %a, %w, %w weight_max(255) : vector<16xi16>, vector<32xi8>
  return %r : vector<16xi16>
}

// -----

func.func @madd16_of_bytes(%a: vector<8xi16>) -> vector<8xi32> {
  // expected-error@+1 {{(MB1) has 8 elements for 8 sums, expected 2 for each of 8 or 16}}
  %r = fptq_x86.madd16 %a, %a : vector<8xi16> -> vector<8xi32>
  return %r : vector<8xi32>
}
