// A ball that rolls once from left to right while the clock runs from 0 to 1.
#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 1, -4> look_at <0, 0, 0> }
light_source { <5, 8, -6> rgb 1 }
plane { y, -0.7 pigment { checker rgb 1 rgb 0.2 } }
sphere {
  0, 0.7
  pigment { gradient y color_map { [0 rgb <1, 0.4, 0>] [1 rgb <0, 0.4, 1>] } }
  rotate -360*clock*z
  translate (4.4*clock - 2.2)*x
}
