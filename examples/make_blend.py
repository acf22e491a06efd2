"""Makes a small scene: blender --background --factory-startup --python THIS -- SCENE.blend."""

import os
import sys

import bpy

scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y = 320, 180
scene.cycles.samples, scene.cycles.use_denoising = 8, False
cube = bpy.data.objects["Cube"]
cube.keyframe_insert("rotation_euler", frame=1)
cube.rotation_euler.z = 1.5
cube.keyframe_insert("rotation_euler", frame=24)
bpy.ops.wm.save_as_mainfile(filepath=os.path.abspath(sys.argv[-1]))
